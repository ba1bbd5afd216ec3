"""One Chromium for several clients, each with its cookies and pages."""
