"""API v1: who knocks, how errors are said, pages of lists, keys that make a POST happen once; the companies' doors."""
