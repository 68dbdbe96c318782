# cmake --install: headers, static and shared library, the program with man page and completions, documents,
# find_package(perdure), pkg-config.

include(CMakePackageConfigHelpers)

install(DIRECTORY include/perdure DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS perdure_static perdure_shared EXPORT perdureTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS perdure RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES docs/perdure.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")

# The program prints its completions itself; without a user's configuration, whose profiles would be among them.
set(PERDURE_COMPLETIONS ${PROJECT_BINARY_DIR}/completions)
install(CODE "
  file(MAKE_DIRECTORY \"${PERDURE_COMPLETIONS}\")
  foreach(completion bash=perdure zsh=_perdure fish=perdure.fish)
    string(REPLACE = \";\" words \${completion})
    list(GET words 0 shell)
    list(GET words 1 file)
    execute_process(COMMAND \"\${CMAKE_COMMAND}\" -E env XDG_CONFIG_HOME=/nonexistent
      \"$<TARGET_FILE:perdure>\" completions \${shell}
      OUTPUT_FILE \"${PERDURE_COMPLETIONS}/\${file}\" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()")
install(FILES ${PERDURE_COMPLETIONS}/perdure
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${PERDURE_COMPLETIONS}/_perdure DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${PERDURE_COMPLETIONS}/perdure.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

set(PERDURE_CMAKE_DIRECTORY ${CMAKE_INSTALL_LIBDIR}/cmake/perdure)
install(EXPORT perdureTargets NAMESPACE perdure:: DESTINATION ${PERDURE_CMAKE_DIRECTORY})
configure_package_config_file(cmake/perdureConfig.cmake.in ${PROJECT_BINARY_DIR}/perdureConfig.cmake
  INSTALL_DESTINATION ${PERDURE_CMAKE_DIRECTORY})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/perdureConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/perdureConfig.cmake ${PROJECT_BINARY_DIR}/perdureConfigVersion.cmake
  DESTINATION ${PERDURE_CMAKE_DIRECTORY})

# The prefix is found from where the file lies, so that `cmake --install --prefix` may move it.
file(RELATIVE_PATH PERDURE_PC_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(cmake/perdure.pc.in ${PROJECT_BINARY_DIR}/perdure.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/perdure.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
