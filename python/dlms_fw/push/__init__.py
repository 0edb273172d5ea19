"""What meters push: a listener for notifications of any number of meters at the same time."""
