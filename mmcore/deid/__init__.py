"""De-identification of a case: what identifies is replaced, removed, or the file is left out."""
