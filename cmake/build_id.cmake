# The build id: a hash of every native source, compiled into client, worker and compiler. Processes of
# different builds refuse each other. Recomputed on every build; the file changes only when a source did.
add_custom_target(amdgpu_build_id_refresh
  COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -DOUT=${PROJECT_BINARY_DIR}/generated/build_id.cc
          -DSANITIZE=${AMDGPU_SANITIZE} -P ${PROJECT_SOURCE_DIR}/cmake/write_build_id.cmake
  BYPRODUCTS ${PROJECT_BINARY_DIR}/generated/build_id.cc
  COMMENT "Hashing the native sources")
