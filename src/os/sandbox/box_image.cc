// The box's helper as bytes within the library (sandbox.cc starts it from memory).

asm(R"(
  .section .rodata
  .balign 16
  .global perdure_box_begin
  .hidden perdure_box_begin
perdure_box_begin:
  .incbin ")" PERDURE_BOX_IMAGE R"("
  .global perdure_box_end
  .hidden perdure_box_end
perdure_box_end:
  .byte 0
  .section .note.GNU-stack,"",@progbits
  .text
)");
