"""liface.workflows"""
