"""liface.engines"""
