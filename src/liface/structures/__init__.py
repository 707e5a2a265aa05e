"""liface.structures"""
