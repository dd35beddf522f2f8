"""What an evaluation tells: JSON, CSV, Markdown, and one page with plots."""
