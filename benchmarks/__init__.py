"""What Consilium costs, beside what somebody would use instead. Run by hand: ``make bench``."""
