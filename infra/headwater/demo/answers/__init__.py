"""What the history answers after a demo. Everything here comes from it: nothing knows which month was bad."""
