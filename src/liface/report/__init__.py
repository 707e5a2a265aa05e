"""liface.report"""
