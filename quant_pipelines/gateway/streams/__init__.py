"""What comes, as it comes: rows of the database are the truth, and a reader resumes where it was."""
