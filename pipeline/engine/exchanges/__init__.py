"""What is said over conversations: what leads the trackers of protocols (`exchanges`), and what they have in common."""
