"""liface.dispatch"""
