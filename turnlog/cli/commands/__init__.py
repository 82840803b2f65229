"""The commands as they are declared: names, arguments, help. They import what they need when they are called."""
