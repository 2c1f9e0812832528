"""More than one process: the model behind Ray Serve, and archives scored with Ray Data."""
