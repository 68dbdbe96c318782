# Compiles the sources of a folder of src in bundles of ten: what costs time is the templates of the heavy
# headers, which a bundle instantiates once. For builds that nobody edits in (the sanitizers). Names of unnamed
# namespaces must differ within a folder for it; the tables of tests/ are exempt.

function(perdure_bundle target)
  if(NOT PERDURE_BUNDLES)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # A bundle is no header; the other builds look for types of unnamed namespaces in headers.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  get_target_property(sources ${target} SOURCES)
  list(SORT sources)
  foreach(source IN LISTS sources)
    if(NOT source MATCHES "\\.cc$")
      continue()
    endif()
    cmake_path(ABSOLUTE_PATH source OUTPUT_VARIABLE path)
    cmake_path(RELATIVE_PATH path BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    if(NOT path MATCHES "^src/")
      continue()
    endif()
    cmake_path(GET path PARENT_PATH folder)
    string(REPLACE "/" "_" folder "${folder}")
    math(EXPR count_${folder} "${count_${folder}} + 1")
    math(EXPR bundle "${count_${folder}} / 10")
    set_property(SOURCE ${source} PROPERTY UNITY_GROUP ${folder}_${bundle})
  endforeach()
endfunction()
