"""DNS, mDNS and LLMNR: messages and exchanges."""
