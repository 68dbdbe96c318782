# perdure_embed(OUT NAMESPACE_VARIABLE FILE...) writes a .cc that holds the files as string literals, in a table
# `const EmbeddedFile NAME[]` of {path, text}. Used for the profiles, so that the binary needs no data files.

function(perdure_embed output table base_directory)
  set(inputs ${ARGN})
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DTABLE=${table} -DBASE=${base_directory}
            "-DINPUTS=${inputs}" -P ${PROJECT_SOURCE_DIR}/cmake/embed_script.cmake
    DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/embed_script.cmake
    VERBATIM)
endfunction()
