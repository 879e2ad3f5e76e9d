"""What a project declares and how a machine is set up: light, imported everywhere, imports nothing of ours."""
