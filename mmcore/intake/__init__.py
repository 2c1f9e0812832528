"""Recognise, check and decode the files of one case."""
