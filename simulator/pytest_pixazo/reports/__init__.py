"""What a test run says about an app: conduct, coverage of documented behaviour, mutation."""
