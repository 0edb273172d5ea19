"""What each case does, one function for each."""
