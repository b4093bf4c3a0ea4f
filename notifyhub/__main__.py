from notifyhub.cli import main

main()
