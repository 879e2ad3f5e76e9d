"""Copy a store with its databases into one file while nights go on, and put them back."""
