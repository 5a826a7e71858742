"""Figures that must hold, measured: ``python -m bench``."""
