"""What stands between a claim and print: whether it holds, whether its words keep to it, and whether all is said."""
