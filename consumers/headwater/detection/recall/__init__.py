"""What detection's state is made from that its topics do not hold, asked of the history when a worker starts."""
