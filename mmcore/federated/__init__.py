"""Training together without bringing patients together: sites learn, a coordinator averages."""
