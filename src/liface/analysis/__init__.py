"""liface.analysis"""
