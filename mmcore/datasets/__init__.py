"""Patients whose truth is known, from the simulator or from folders, as labelled cases."""
