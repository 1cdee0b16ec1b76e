#!/bin/sh
# Writes files of COPY's binary format, each with one binary template, as
# embedding_NAME.bin into the directory that is given: one good, the others
# with one mistake each.
set -eu

# name, then what follows the signature: length of the value, dimension,
# precision, version, model, elements
put() {
    {
        printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\001\0\0\0'
        printf "$2"
        printf '\377\377'
    } > "$dir/embedding_$1.bin"
}

dir=$1
put good      '\014\0\001\0\0\0\0\0\0\077\200\0\0'
put nan       '\014\0\001\0\0\0\0\0\0\177\300\0\0'
put infinite  '\012\0\001\001\0\0\0\0\0\174\0'
put short     '\013\0\001\0\0\0\0\0\0\077\200\0'
put long      '\015\0\001\0\0\0\0\0\0\077\200\0\0\0'
put head      '\007\0\001\0\0\0\0\0'
put precision '\014\0\001\002\0\0\0\0\0\077\200\0\0'
put version   '\014\0\001\0\001\0\0\0\0\077\200\0\0'
put none      '\010\0\0\0\0\0\0\0\0'
put many      '\010\076\201\0\0\0\0\0\0'
