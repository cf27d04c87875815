"""What texts come in, and what a corpus goes out as: files, packed or not, records, web pages, row groups."""
