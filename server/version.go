package server

// Version is the release of Kea whose configuration, commands and files this
// server follows where releases differ.
const Version = "3.1.0"
