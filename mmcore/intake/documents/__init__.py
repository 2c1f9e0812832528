"""Text out of documents: PDF, Word, CDA and HTML. Everything here runs in the decoding process."""
