# amdgpu_proto_library(name FILE.proto ...): what protoc writes for schemas of one folder, as a library.
function(amdgpu_proto_library name)
  foreach(PROTO ${ARGN})
    file(RELATIVE_PATH PATH ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${PROTO})
    string(REPLACE .proto .pb OUT ${PROJECT_BINARY_DIR}/${PATH})
    add_custom_command(
      OUTPUT ${OUT}.cc ${OUT}.h
      COMMAND protobuf::protoc --proto_path=${PROJECT_SOURCE_DIR} --cpp_out=${PROJECT_BINARY_DIR} ${PATH}
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
      DEPENDS ${ARGN})
    list(APPEND GENERATED ${OUT}.cc)
  endforeach()
  add_library(${name} STATIC ${GENERATED})
  # The same names in every file, and nobody's style.
  set_target_properties(${name} PROPERTIES UNITY_BUILD OFF CXX_CLANG_TIDY "")
  target_include_directories(${name} PUBLIC ${PROJECT_BINARY_DIR})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf)
  target_compile_options(${name} PRIVATE ${SANITIZE})
endfunction()
