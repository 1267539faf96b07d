# An error that says what to do about it.
problem: hint: throw "${problem}\nhint: ${hint}"
