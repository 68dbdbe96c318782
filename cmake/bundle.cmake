# Compiles the sources of a folder in bundles, each as one translation unit: what costs time is the templates of the
# heavy headers, which a bundle instantiates once. PERDURE_BUNDLE_KB says how much code goes into one: little where
# people edit, so that a change is compiled in seconds, more for the sanitizers. Names of unnamed namespaces must
# differ within a folder for it.

# perdure_bundle(TARGET FACTOR): bundles of FACTOR times PERDURE_BUNDLE_KB, of the sources in src/ and tests/; but
# the tables of cases in three folders call alike things alike.
function(perdure_bundle target factor)
  if(NOT PERDURE_BUNDLES)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # A bundle is no header; the other builds look for types of unnamed namespaces in headers.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  math(EXPR bytes_max "${factor} * ${PERDURE_BUNDLE_KB} * 1024")
  get_target_property(sources ${target} SOURCES)
  list(SORT sources)
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source OUTPUT_VARIABLE path)
    cmake_path(RELATIVE_PATH path BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    if(NOT path MATCHES "^(src|tests)/.*\\.cc$" OR path MATCHES "^tests/(faults|bad_input|conformance)/")
      continue()
    endif()
    file(SIZE ${PROJECT_SOURCE_DIR}/${path} bytes)
    cmake_path(GET path PARENT_PATH folder)
    string(REPLACE "/" "_" folder "${folder}")
    math(EXPR bytes_${folder} "${bytes_${folder}} + ${bytes}")
    if(bytes_${folder} GREATER bytes_max OR NOT DEFINED bundle_${folder})
      math(EXPR bundle_${folder} "${bundle_${folder}} + 1")
      set(bytes_${folder} ${bytes})
    endif()
    set_property(SOURCE ${source} PROPERTY UNITY_GROUP ${folder}_${bundle_${folder}})
  endforeach()
endfunction()
