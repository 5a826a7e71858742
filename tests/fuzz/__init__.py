"""Every reader, given what nobody would write on purpose."""
