# amdgpu_test(name SOURCES ... DEPS ...): one GoogleTest program, known to CTest under its own name.
function(amdgpu_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  amdgpu_executable(${name} SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
  if(AMDGPU_SANITIZE MATCHES address)
    # The compiler's process ends without taking clang's trees apart, as clang itself does.
    set_tests_properties(${name} PROPERTIES ENVIRONMENT
      "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0")
  endif()
  if(AMDGPU_SANITIZE STREQUAL thread)
    # Debian's abseil and protobuf are built without it: what they synchronise is not seen.
    set_tests_properties(${name} PROPERTIES ENVIRONMENT TSAN_OPTIONS=ignore_noninstrumented_modules=1)
  endif()
endfunction()
