"""What two or more apps share: one noun per module. Apps import `common`; `common` never imports apps."""
