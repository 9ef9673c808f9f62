# Write INPUTS (files of the documentation page) to OUTPUT as C: the table that api/docs_assets.h
# declares. Byte arrays, because C promises no string literal beyond 4095 bytes.
list(SORT INPUTS)
set(arrays "")
set(rows "")
set(number 0)
foreach(file ${INPUTS})
  get_filename_component(name ${file} NAME)
  math(EXPR number "${number} + 1")
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REPEAT "0x..," 16 line)
  string(REGEX REPLACE "(${line})" "\\1\n    " bytes "${bytes}")
  string(APPEND arrays "static const unsigned char bytes_${number}[] = {\n    ${bytes}\n};\n")
  string(APPEND rows "    {\"${name}\", bytes_${number}, sizeof bytes_${number}},\n")
endforeach()
file(WRITE ${OUTPUT}
  "#include \"api/docs_assets.h\"\n\n${arrays}\nconst struct docs_asset docs_assets[] = {\n${rows}    {0},\n};\n")
