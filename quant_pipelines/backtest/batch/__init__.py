"""The compiled pass of one book, or of several sets of parameters abreast."""
