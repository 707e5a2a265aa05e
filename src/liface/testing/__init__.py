"""liface.testing"""
