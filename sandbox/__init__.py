"""A practice platform (HTTP) and a practice mailbox (SMTP) for demo, training and tests.

Nothing in here ever opens a reported link, and nothing in here talks to a real platform.
"""
