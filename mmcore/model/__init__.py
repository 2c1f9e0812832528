"""The network and all that belongs to one trained model: configuration, inputs, pack."""
