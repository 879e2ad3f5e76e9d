"""Keep a project's store within what it declares: what would go, what stays and why, and the removal itself."""
