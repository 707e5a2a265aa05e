"""liface.database"""
