"""liface.cli"""
