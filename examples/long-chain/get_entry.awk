# get_entry.awk: one entry of book.csv in words. It has faults on purpose: the reader jams at two
# entries the first time that each is asked for. A file in the current directory, which is the agent's
# workspace, remembers that it happened.
BEGIN {
  FS = ","
  mark = ".jammed-at-" number
  if ((number == 61 || number == 152) && (getline < mark) < 0) {
    print "once" > mark
    print "the reader jammed at entry " number "; ask for it again" > "/dev/stderr"
    exit found = 75
  }
}
$1 == number {
  print "entry " $1 ", " $2 ", " $3 ": amount " $4 ", balance " $5
  found = 1
  exit
}
END {
  if (found == 75) exit 75
  if (found) exit 0
  print "there is no entry " number ": the book has entries 1 to " (NR - 1) > "/dev/stderr"
  exit 1
}
