# Warnings and sanitizers, for every target of ours. `amdgpu_library(name SOURCES ... DEPS ...)` and
# `amdgpu_executable(...)` make a target with them.
add_library(amdgpu_options INTERFACE)
target_compile_options(amdgpu_options INTERFACE -Wall -Wextra -Werror -fno-omit-frame-pointer)
# gcc 12 at -O3 sees overlapping copies in libstdc++'s own strings (gcc bug 105651).
target_compile_options(amdgpu_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
target_include_directories(amdgpu_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  # From 18 on clang mangles some templates in a way that Debian's abseil, built by gcc 12, does not know.
  target_compile_options(amdgpu_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fclang-abi-compat=17>)
endif()
if(AMDGPU_SANITIZE)
  set(SANITIZE -fsanitize=${AMDGPU_SANITIZE})
  if(AMDGPU_SANITIZE MATCHES undefined AND CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    # Two checks that cannot be had: `function` reads a type before a function's code, and vendors' libraries and compiled
    # kernels have none there; `vptr` asks the kernel whether memory is there, which a sandbox denies it.
    list(APPEND SANITIZE -fno-sanitize=function,vptr
         -fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/cmake/sanitizer_ignorelist.txt)
  endif()
  target_compile_options(amdgpu_options INTERFACE ${SANITIZE})
  target_link_options(amdgpu_options INTERFACE -fsanitize=${AMDGPU_SANITIZE})
  target_compile_definitions(amdgpu_options INTERFACE AMDGPU_SANITIZED=1)
  if(AMDGPU_SHARED_SANITIZER)
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libclang_rt.asan-${CMAKE_SYSTEM_PROCESSOR}.so
      OUTPUT_VARIABLE RUNTIME OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    cmake_path(GET RUNTIME PARENT_PATH RUNTIME)
    target_link_options(amdgpu_options INTERFACE -shared-libsan "LINKER:-rpath,${RUNTIME}")
  endif()
endif()
if(CMAKE_CXX_CLANG_TIDY)
  # Of its command, so that other rules are a reason to check again.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS .clang-tidy)
  file(SHA256 .clang-tidy RULES)
  list(APPEND CMAKE_CXX_CLANG_TIDY --extra-arg=-DAMDGPU_RULES=${RULES})
endif()

# Where sources are compiled together (CMAKE_UNITY_BUILD, see the presets), these are compiled by themselves:
# their names at file scope are those of another source beside them. For twins by nature, tables above all.
function(amdgpu_compile_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

function(amdgpu_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE amdgpu_options PUBLIC ${ARG_DEPS})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
endfunction()

function(amdgpu_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE amdgpu_options ${ARG_DEPS})
endfunction()
