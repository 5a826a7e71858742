"""One function per question. No rules here: who may do what is casework's."""
